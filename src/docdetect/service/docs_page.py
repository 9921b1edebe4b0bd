"""The page that describes the service, made from its OpenAPI description: no script, and nothing from other hosts."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ info.title }} {{ info.version }}</title>
<style>
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
h2,h3,td,p{overflow-wrap:anywhere}
pre{overflow-x:auto;padding:.6rem;border:1px solid #8886;border-radius:.3rem}
section{border-top:1px solid #8886;margin-top:1.5rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0}
.method{display:inline-block;min-width:4.5rem;font-weight:600}
</style></head><body>
<h1>{{ info.title }}</h1>
{% for paragraph in info.description.split("\n\n") %}<p>{{ paragraph }}</p>{% endfor %}
<p><a href="openapi.json">openapi.json</a> is the same for programs. <a href="source">The source code</a> of this
service, under the AGPL.</p>
{% for operation in operations %}
<section><h2><span class="method">{{ operation.method }}</span> <code>{{ operation.path }}</code></h2>
<p>{{ operation.summary }}</p>
{% for paragraph in operation.description.split("\n\n") %}<p>{{ paragraph }}</p>{% endfor %}
{% if operation.parameters %}<table><tr><th>Parameter</th><th>In</th><th>Meaning</th></tr>
{% for one in operation.parameters %}<tr><td><code>{{ one.name }}</code></td><td>{{ one["in"] }}</td>
<td>{{ one.description or one.schema.title }}</td></tr>{% endfor %}</table>{% endif %}
<table><tr><th>Status</th><th>Answer</th></tr>
{% for status, answer in operation.responses.items() %}<tr><td>{{ status }}</td><td>{{ answer.description }}</td></tr>
{% endfor %}</table></section>
{% endfor %}
<section><h2>Models</h2>
{% for name, model in schemas.items() %}<h3><code>{{ name }}</code></h3><p>{{ model.description }}</p>
<table>{% for key, value in (model.properties or {}).items() %}<tr><td><code>{{ key }}</code></td>
<td>{{ value.description }}</td></tr>{% endfor %}</table>{% endfor %}
</section></body></html>
"""


def docs_page(description: dict[str, Any], root_path: str = "") -> str:
    """The page as HTML.

    Args:
        description: of the service, as OpenAPI.
        root_path: what addresses begin with; "" for none.
    """
    operations = [
        {
            "method": method.upper(),
            "path": root_path + path,
            "summary": operation.get("summary", ""),
            "description": operation.get("description", ""),
            "parameters": operation.get("parameters", []),
            "responses": operation["responses"],
        }
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    template = Environment(autoescape=True, trim_blocks=True).from_string(_PAGE)
    schemas = description.get("components", {}).get("schemas", {})
    return template.render(info=description["info"], operations=operations, schemas=schemas)
