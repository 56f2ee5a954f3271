# What probes give: the file `cases` is a function from a library to a list of values; one line each. With `single` it is the first
# value itself that is evaluated, so that its error is the evaluation's error.
{
  cases,
  lib,
  single ? false,
}:
let
  all = import cases (import lib);

  # What a value is, without anything that depends on where the library lies or on how functions are written.
  show =
    depth: value:
    let
      attempt = builtins.tryEval (shown depth value);
    in
    if attempt.success then attempt.value else "<throws>";
  shown =
    depth: value:
    let
      type = builtins.typeOf value;
      text = rec {
        lambda = "<function ${builtins.toJSON (builtins.functionArgs value)}>";
        path = toString value;
        string = builtins.toJSON (builtins.unsafeDiscardStringContext value);
        list =
          if depth == 0 then "[…]" else "[ ${builtins.concatStringsSep " " (map (show (depth - 1)) value)} ]";
        set =
          let
            kind = builtins.tryEval (value.type or null);
            tag = builtins.tryEval (value._type or null);
          in
          if kind.success && kind.value == "derivation" then
            "<derivation ${value.name or "?"}>"
          else if tag.success && tag.value == "option-type" then
            "<type ${value.name} ${value.description or "?"}>"
          else if depth == 0 then
            "{…}"
          else
            "{ ${
              builtins.concatStringsSep "" (
                map (name: "${name} = ${show (depth - 1) value.${name}}; ") (builtins.attrNames value)
              )
            }}";
      };
    in
    text.${type} or (builtins.toJSON value);
  # Texts that hold the place of the library, of the probes, of the store.
  stable =
    builtins.replaceStrings
      [ (toString lib) (dirOf (toString cases)) builtins.storeDir ]
      [ "<lib>" "<fixture>" "<store>" ];
in
if single then
  shown 7 (builtins.head all)
else
  builtins.concatStringsSep "" (map (value: stable (show 7 value) + "\n") all)
