"""The service: the verbs of galleries over HTTP, and the page. FastAPI lives here alone; torch never."""
