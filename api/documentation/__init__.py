"""The documentation page: the OpenAPI document, rendered without anything from elsewhere."""
