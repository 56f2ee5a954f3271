let a = __curPos; in { inherit (a) line column; f = baseNameOf a.file; b = __curPos.column; }
