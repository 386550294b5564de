"""The API's contract as OpenAPI, from routes and models. No handler imports it: it would cost a cold start."""
