"""Small programs that the transport sends to the PC as text; nothing here is imported on the controller."""
