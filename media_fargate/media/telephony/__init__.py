"""SIP and RTP behind one narrow interface, `CallLeg`."""
