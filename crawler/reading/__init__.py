"""What readers share: payloads and feeds taken apart, dates, words on the scale, markup. All pure."""
