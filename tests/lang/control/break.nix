break 8
