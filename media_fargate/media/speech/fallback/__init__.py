"""A provider with others behind it: one immediate retry, then the next. To a conversation it is one provider."""
