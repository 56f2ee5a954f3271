let f = x: notThere; in 1
