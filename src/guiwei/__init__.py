"""guiwei (归位): declarative provisioning of tax-invoicing PCs."""

__version__ = "0.1.0"
