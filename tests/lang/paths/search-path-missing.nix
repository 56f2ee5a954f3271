<not-there>
