"""One room per factor; a room turns one noun into the next. Rooms do not know each other: flow is where they meet."""
