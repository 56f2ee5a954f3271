[ (let { body = x; x = 1; }) (let { a.b = 1; body = a; ${"d"} = 2; }) (let {}) ]
