[ http://x.y/z?a=b&c=%20 a:b x+y.z-1:~!*$@,' git+ssh://g@h:22/p.git ] ++ (x: [ x ]) 1
