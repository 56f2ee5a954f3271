# The error for a definition of an option that nobody declares: what was defined, where, and what was perhaps meant.
{ lib }:
let
  inherit (builtins)
    addErrorContext
    attrNames
    filter
    length
    ;
  inherit (lib.options) showDefs showOption;
  inherit (lib.lists) init last take;

  # How far the search goes is a matter of time: among few names the nearest ones, whatever they are like.
  fewNames = 100;

  nearest =
    name: names:
    take 3 (
      lib.lists.sortOn (lib.strings.levenshtein name) (
        if length names < fewNames then
          names
        else
          filter (lib.strings.levenshteinAtMost 2 name) names
      )
    );

  suggestion =
    path: candidates:
    let
      quoted = map (name: "`${showOption (path ++ [ name ])}'") candidates;
    in
    if quoted == [ ] then
      ""
    else
      "\n\nDid you mean ${
        if length quoted == 1 then
          builtins.head quoted
        else
          "${builtins.concatStringsSep ", " (init quoted)} or ${last quoted}"
      }?";
in
{
  error =
    {
      prefix,
      options,
      def,
    }:
    let
      path = init def.prefix;
      name = last def.prefix;
      # The options beside the one that was meant.
      level = lib.attrsets.attrByPath (lib.lists.drop (length prefix) path) { } options;
      names = filter (n: n != "_module" && n != "_freeformOptions") (attrNames level);

      text = "The option `${showOption def.prefix}' does not exist. Definition values:${
        showDefs [
          (
            def
            // {
              value = addErrorContext "while evaluating a definition from `${def.file}'" def.value;
            }
          )
        ]
      }";

      help =
        if names != [ ] then
          suggestion path (nearest name names)
        else if prefix == [ ] then
          "\n\nIt seems as if you're trying to declare an option by placing it into `config' rather than `options'!"
        else
          "\n\nHowever there are no options defined in `${showOption prefix}'. Are you sure you've\ndeclared your options properly? This can happen if you e.g. declared your options in `types.submodule'\nunder `config' rather than `options'.";
    in
    addErrorContext
      "while evaluating the error message for definitions for `${showOption def.prefix}', which is an option that does not exist"
      (throw (text + help));
}
