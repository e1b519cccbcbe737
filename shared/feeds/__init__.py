"""What makes work: the CRM poll, the sweep for missed events, changed mappings, and due deals."""
