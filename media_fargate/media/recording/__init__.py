"""Recording a call: what each side heard, on one time line, stored piece by piece."""
