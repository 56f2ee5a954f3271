(import ./base/lib).types.listOf (import ./base/lib).types.port
