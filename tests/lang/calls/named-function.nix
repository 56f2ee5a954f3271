let greet = { name }: "hi ${name}"; in greet { }
