"""Labs: the reference invoicing client and the branch PCs that it runs on."""
