"a" + ./folder
