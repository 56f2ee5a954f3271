ifx: thenx: or-: let_: inherit': rec1: [ ifx thenx or- let_ inherit' rec1 ]
