{ lib, ... }: { config.greeting = lib.concatStrings [ "hel" "lo" ]; }
