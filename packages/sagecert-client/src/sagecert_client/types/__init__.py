"""The types of answers, as they are in JSON, by service. They are named as in the OpenAPI documents."""
