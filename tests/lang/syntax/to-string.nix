[ "${{ __toString = self: "s${self.x}"; x = "1"; }}" "${{ outPath = "/o"; }}" (toString { __toString = _: "p"; outPath = "q"; }) ]
