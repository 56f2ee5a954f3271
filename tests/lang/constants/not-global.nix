typeOf 1
