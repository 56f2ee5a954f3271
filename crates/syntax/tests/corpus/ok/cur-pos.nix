__curPos.line + (x: __curPos).column
