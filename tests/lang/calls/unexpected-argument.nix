({ a, bcd ? 1 }: a) { a = 1; bcde = 2; }
