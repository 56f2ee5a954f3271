#! /usr/bin/env nix-shell
1
