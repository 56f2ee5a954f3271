{ config.greeting = "hello"; }
