"""Copies of an app's log stream for receivers elsewhere: LogHub -> Buffer -> Sender -> HTTPS or syslog."""
