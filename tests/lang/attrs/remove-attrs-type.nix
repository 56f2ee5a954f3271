removeAttrs 1 [ ]
