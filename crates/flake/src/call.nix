# From a lock file to the outputs of a flake. Each node's flake is called with the results of its inputs; nothing is
# evaluated, and no tree fetched, before somebody asks for it.
#
# lock:    the lock file, as a set
# fetched: trees that are there already, by node: { sourceInfo; dir; }
# fetch:   gets the tree of a node's `locked` attributes: gives { sourceInfo; dir; }
lock: fetched: fetch:
let
  inherit (builtins) head isFunction isList mapAttrs substring tail;

  # The node that a path of input names leads to.
  walk = node: path:
    if path == [ ] then node
    else walk (resolve lock.nodes.${node}.inputs.${head path}) (tail path);
  resolve = input: if isList input then walk lock.root input else input;

  nodes = mapAttrs
    (key: node:
      let
        relative = node ? parent && (node.locked.type or "") == "path" && substring 0 1 node.locked.path != "/";
        parent = nodes.${walk lock.root node.parent};

        # A relative path lies in the tree of the flake that names it.
        tree =
          if fetched ? ${key} then fetched.${key}
          else if relative then {
            inherit (parent) sourceInfo;
            dir = (if parent.dir == "" then "" else parent.dir + "/") + node.locked.path + (if node.locked ? dir then "/" + node.locked.dir else "");
          }
          else fetch node.locked;
        inherit (tree) sourceInfo dir;

        outPath = sourceInfo.outPath + (if dir == "" then "" else "/" + dir);
        flake = import (outPath + "/flake.nix");
        inputs = mapAttrs (_: input: nodes.${resolve input}.result) (node.inputs or { });
        outputs = flake.outputs (inputs // { self = called; });
        called = outputs // sourceInfo // {
          inherit outPath inputs outputs sourceInfo;
          _type = "flake";
        };
      in
      {
        inherit sourceInfo dir;
        result =
          if node.flake or true then
            assert isFunction flake.outputs;
            called
          else sourceInfo // { inherit sourceInfo outPath; };
      })
    lock.nodes;
in
nodes.${lock.root}.result
