"""The AWS shape of Sovereign as a CDK app, and the embedded runtime that runs it on one machine."""
