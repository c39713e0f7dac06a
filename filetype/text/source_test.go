package text

import (
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
)

func TestSource(t *testing.T) {
	for want, text := range map[string]string{
		"go":   "// Light.\npackage light\n\nimport \"fmt\"\n\nfunc On() error {\n\tif err := f(); err != nil {\n\t\treturn err\n\t}\n\treturn nil\n}\n",
		"py":   "import os\nfrom sys import argv\n\nclass Light(object):\n    def on(self):\n        for a in argv:\n            print(a)\n        return 1\n",
		"c":    "#include <stdio.h>\n#define N 3\n\nint main(void)\n{\n    for (int i = 0; i < N; i++)\n        printf(\"light\\n\");\n    return 0;\n}\n",
		"cpp":  "#include <iostream>\nusing namespace std;\nclass Light {\npublic:\n    virtual void on();\n};\nvoid Light::on() { std::cout << 1; }\n",
		"java": "package harbour;\nimport java.util.List;\npublic class Light {\n    private int n;\n    public void on() {\n        return;\n    }\n}\n",
		"js":   "const fs = require('fs');\nfunction on(a) {\n  console.log(a);\n  return 1;\n}\nmodule.exports = { on };\n",
		"php":  "<?php\n$a = 1;\nfunction on($x) {\n  echo $x;\n  return 1;\n}\n",
		"rs":   "use std::io;\n\n#[derive(Debug)]\npub struct Light {}\n\nfn main() {\n    let mut a = 1;\n}\n",
		"rb":   "require 'json'\nclass Light < Base\n  def on\n    puts 1\n  end\nend\n",
		"pl":   "use strict;\nuse warnings;\nmy $a = 1;\nsub on {\n  print $a;\n}\n",
		"lua":  "local a = 1\nfunction light.on(x)\n  if x then\n    return a\n  end\nend\n",
		"sql":  "CREATE TABLE boats (id int);\nINSERT INTO boats VALUES (1);\nINSERT INTO boats VALUES (2);\nCOMMIT;\n",
		"css":  "body {\n  color: #333;\n  margin: 0;\n}\n.light {\n  display: none;\n}\n",
		"dts":  "/dts-v1/;\n/ {\n\tmodel = \"x\";\n\tsoc {\n\t\tstatus = \"okay\";\n\t};\n};\n",
		"sh":   "#!/bin/sh\nset -e\necho light\n",
		"":     "The boats left before the light.\nThey import wine, select a harbour and return in autumn.\nThe end of it was this.\n",
	} {
		if got := source(text); got != want {
			t.Errorf("%q, expected %q:\n%s", got, want, text)
		}
		r, err := examineText(t.Context(), block.Bytes([]byte(text)))
		if err != nil || r.Verdict != filetype.Consistent || want != "" && r.Extension != want {
			t.Errorf("%s: %v %q %v", want, r.Verdict, r.Extension, err)
		}
	}
	if got := source("#!/usr/bin/env python3\nx = 1\n"); got != "py" {
		t.Errorf("python by its first line: %q", got)
	}
	for _, text := range []string{"[server]\nport = 80\nhost = a\n", "config interface 'lan'\n\toption proto 'static'\n", "a: 1\nb: 2\nc: 3\n", strings.Repeat("2026-11-21 10:00:00 up\n", 10)} {
		if got := source(text); got != "" {
			t.Errorf("%q for\n%s", got, text)
		}
	}
}
