fromTOML 1
