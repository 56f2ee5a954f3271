# Makes docs/lib.md, the reference of the library, from the doc comments in base/lib:
#
#     nix-instantiate --eval --raw docs/lib.nix -A page > docs/lib.md        (or: firn eval --raw --file docs/lib.nix page)
#
# `undocumented` and `untested` are lists of functions without a comment, or without an example or test.
let
  lib = import ../base/lib;
  inherit (builtins)
    concatMap
    concatStringsSep
    elemAt
    filter
    head
    isString
    match
    readFile
    split
    tail
    ;
  inherit (lib.strings) hasPrefix removePrefix splitString;

  # The topics and the files they are made of, in the order of the manual.
  topics = [
    { name = "trivial"; title = "Functions, logic, numbers, warnings"; files = map (f: "trivial/${f}.nix") [ "functions" "numbers" "messages" "release" ]; }
    { name = "fixedPoints"; title = "Recursive values and overlays"; files = [ "fixed-points.nix" ]; }
    { name = "attrsets"; title = "Attribute sets"; files = map (f: "attrsets/${f}.nix") [ "build" "paths" "recursive" "merge" "derivations" ]; }
    { name = "lists"; title = "Lists"; files = map (f: "lists/${f}.nix") [ "build" "fold" "slice" "search" "order" "sets" ]; }
    { name = "strings"; title = "Strings"; files = map (f: "strings/${f}.nix") [ "concat" "search" "characters" "escape" "shell" "convert" "names" "build-flags" "distance" ]; }
    { name = "stringsWithDeps"; title = "Text in an order"; files = [ "strings-with-deps.nix" ]; }
    { name = "versions"; title = "Versions"; files = [ "versions.nix" ]; }
    { name = "path"; title = "Paths"; files = [ "path/default.nix" ]; }
    { name = "filesystem"; title = "Files"; files = [ "filesystem.nix" ]; }
    { name = "sources"; title = "Source trees"; files = [ "sources/filter.nix" "sources/origin.nix" ]; }
    { name = "fileset"; title = "File sets"; files = [ "fileset/default.nix" ]; }
    { name = "customisation"; title = "Calling and overriding packages"; files = map (f: "customisation/${f}.nix") [ "override" "derivations" "scopes" ]; }
    { name = "derivations"; title = "Derivations"; files = [ "derivations.nix" ]; }
    { name = "meta"; title = "What packages say about themselves"; files = [ "meta.nix" ]; }
    { name = "licenses"; title = "Licences"; files = [ "licenses/expressions.nix" ]; }
    { name = "systems"; title = "Systems"; files = [ "systems/default.nix" ]; }
    { name = "systems.parse"; title = "Names of systems"; files = [ "systems/parse.nix" ]; }
    { name = "systems.inspect"; title = "Questions about systems"; files = [ "systems/inspect.nix" ]; }
    { name = "systems.architectures"; title = "Architectures"; files = [ "systems/architectures.nix" ]; }
    { name = "modules"; title = "Modules"; files = map (f: "modules/${f}.nix") [ "evaluate" "properties" "renames" "data" "option" "compat" ]; }
    { name = "options"; title = "Options"; files = map (f: "options/${f}.nix") [ "declare" "merge" "show" "document" ]; }
    { name = "types"; title = "Types"; files = map (f: "types/${f}.nix") [ "simple" "numbers" "strings" "paths" "containers" "attr-list" "unions" "functions" "modules" "options" "data" "core" "default" ]; }
    { name = "generators"; title = "Formats"; files = map (f: "generators/${f}.nix") [ "key-value" "pretty" "lua" "markup" ]; }
    { name = "cli"; title = "Command lines"; files = [ "cli.nix" ]; }
    { name = "gvariant"; title = "Settings of GNOME"; files = [ "gvariant.nix" ]; }
    { name = "network.ipv6"; title = "Networks"; files = [ "network/default.nix" ]; }
    { name = "kernel"; title = "Settings of the kernel"; files = [ "kernel.nix" ]; }
    { name = "fetchers"; title = "Downloads"; files = [ "fetchers.nix" ]; }
    { name = "flakes"; title = "Flake references"; files = [ "flakes.nix" ]; }
    { name = "asserts"; title = "Assertions"; files = [ "asserts.nix" ]; }
    { name = "debug"; title = "Debugging and tests"; files = [ "debug.nix" ]; }
    { name = "misc"; title = "Old functions"; files = [ "deprecated/misc.nix" "deprecated/merge.nix" ]; }
  ];

  # Lines of a comment without the blanks that they all begin with.
  dedent =
    text:
    let
      lines = splitString "\n" text;
      indents = map (line: builtins.stringLength (head (match "( *).*" line))) (
        filter (line: match " *" line == null) lines
      );
      indent = builtins.foldl' lib.min 100 indents;
    in
    concatStringsSep "\n" (
      map (line: if match " *" line != null then "" else builtins.substring indent (-1) line) lines
    );

  # The comment at the top of a file.
  header =
    text:
    let
      count = lib.lists.findFirstIndex (line: !hasPrefix "#" line) 0 (splitString "\n" text);
    in
    concatStringsSep "\n" (
      map (line: removePrefix " " (removePrefix "#" line)) (lib.take count (splitString "\n" text))
    );

  # `{ name, doc }` of every doc comment.
  commentsIn =
    text:
    map (
      part:
      let
        pieces = split "[*]/" part;
        doc = head pieces;
        code = elemAt pieces 2;
        # What is inside of a set says so in its type.
        typed = match ".*`([a-zA-Z0-9_']+[.][a-zA-Z0-9_.']+) ::.*" doc;
        named = match "[[:space:]]*(inherit( [(][^)]*[)])? +)?\"?([a-zA-Z0-9_'-]+).*" code;
      in
      {
        name = if typed == null then elemAt named 2 else head typed;
        doc = lib.trim (dedent doc);
      }
    ) (filter isString (tail (split "/[*][*]\n" text)));

  # Headings in comments become emphasis, so that the page's own headings stay apart.
  showDoc =
    doc:
    builtins.replaceStrings [ "\n# Type\n" "\n# Example\n" ] [ "\n*Type:* " "\n*Example:*\n" ] doc;

  # A folder of functions below a topic, by the attributes that contain them.
  showEntry =
    topic: entry: "### `lib.${topic.name}.${entry.name}`\n\n${showDoc entry.doc}\n";

  showFile =
    topic: file:
    let
      text = readFile (../base/lib + "/${file}");
      entries = commentsIn text;
    in
    (if builtins.length topic.files == 1 then "" else "${header text}\n\n")
    + concatStringsSep "\n" (map (showEntry topic) entries);

  showTopic =
    topic:
    "## ${topic.title}: `lib.${topic.name}`\n\n"
    + (
      if builtins.length topic.files == 1 then
        "${header (readFile (../base/lib + "/${head topic.files}"))}\n\n"
      else
        ""
    )
    + concatStringsSep "\n" (map (showFile topic) topic.files)
    + (
      let
        names = plainOf topic;
      in
      if names == [ ] then
        ""
      else
        "\nThe language's own, unchanged: ${concatStringsSep ", " (map (name: "`${name}`") names)}.\n"
    );

  ## What is there, and what is said about it

  topicSet = topic: lib.attrByPath (splitString "." topic.name) null lib;
  # Licences are data but for what makes expressions of them.
  isData = topic: value: topic.name == "licenses" && (value ? shortName || value ? spdxId || value ? fullName);
  namesOf =
    topic:
    let
      set = topicSet topic;
      nested = concatMap (other: match "${topic.name}[.](.*)" other.name) (
        filter (other: hasPrefix "${topic.name}." other.name && match ".*[.].*[.].*" other.name == null) topics
      );
    in
    filter (name: !elem name (internal ++ nested) && !isData topic set.${name}) (builtins.attrNames set);
  entriesOf = topic: concatMap (file: commentsIn (readFile (../base/lib + "/${file}"))) topic.files;
  documentedIn = topic: map (entry: entry.name) (entriesOf topic);
  # Builtins under their own names.
  plainOf =
    topic:
    let
      documented = documentedIn topic;
    in
    filter (name: builtins ? ${name} && !elem name documented) (namesOf topic);
  elem = builtins.elem;
  # What is there for the library itself.
  internal = [ "_internal" ];

  # Attributes of `lib` that are data or topics, not functions.
  topicNames = map (topic: head (splitString "." topic.name)) topics;
  data = [
    "__unfix__"
    "extend"
    "licensesSpdx"
    "maintainers"
    "platforms"
    "sourceTypes"
    "teams"
  ];

  undocumented =
    concatMap (
      topic:
      let
        documented = documentedIn topic ++ plainOf topic;
      in
      map (name: "${topic.name}.${name}") (filter (name: !elem name documented) (namesOf topic))
    ) topics
    # Short names that no topic has.
    ++ (
      let
        known = concatMap (topic: documentedIn topic ++ plainOf topic) topics ++ topicNames ++ data;
      in
      filter (name: !elem name known && !(builtins ? ${name})) (builtins.attrNames lib)
    );

  # The tests' texts, without those that only list names, and results that are tested.
  testTexts =
    map (file: readFile (../base/lib/tests + "/${file}")) (
      filter (file: !elem file [ "default.nix" "examples.nix" "interface.nix" ]) (
        builtins.attrNames (builtins.readDir ../base/lib/tests)
      )
    )
    ++ map (file: readFile (../tests/library/golden + "/${file}")) (
      builtins.attrNames (builtins.readDir ../tests/library/golden)
    );
  # All words of the tests, as a set.
  tested = builtins.listToAttrs (
    concatMap (
      text:
      map (word: {
        name = head word;
        value = true;
      }) (filter builtins.isList (split "([a-zA-Z_][a-zA-Z0-9_']*)" text))
    ) testTexts
  );
  hasExample = entry: match ".*```nix\n.*\n=> .*" (builtins.replaceStrings [ "\n    => " ] [ "\n=> " ] entry.doc) != null;
  untested = concatMap (
    topic:
    map (entry: "${topic.name}.${entry.name}") (
      filter (
        entry: !hasExample entry && !tested ? ${lib.last (splitString "." entry.name)}
      ) (entriesOf topic)
    )
  ) topics;

  page =
    ''
      # The library

      All functions of the embedded library, `lib` in packages and modules. Most of them are attributes of `lib` itself as well:
      `lib.lists.take` is also `lib.take`. This page is made from the comments in `base/lib` by `docs/lib.nix`; the examples are
      tests. `:doc` in the repl shows the same text.

    ''
    + concatStringsSep "\n" (map showTopic topics);
in
{
  inherit page undocumented untested;
}
