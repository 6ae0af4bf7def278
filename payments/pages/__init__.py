"""Pages and addresses that are not the REST API: the webhook inbox and the buyer's return."""
