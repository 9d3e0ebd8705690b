"""The HTTP faces of WGI."""
