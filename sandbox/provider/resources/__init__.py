"""One module for each resource of the API; each exports its `ROUTES`."""
