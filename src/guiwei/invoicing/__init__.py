"""The invoicing domain: parameter types, version graph, reconciliation; knows no host and no file format."""
