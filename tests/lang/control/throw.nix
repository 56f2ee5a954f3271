throw "thrown"
