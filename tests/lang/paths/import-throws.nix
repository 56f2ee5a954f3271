import ./folder/throws
