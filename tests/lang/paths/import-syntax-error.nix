import ./folder/broken
