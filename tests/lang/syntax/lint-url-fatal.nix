[ http://example.org/x ]
