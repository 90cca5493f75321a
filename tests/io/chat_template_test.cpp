// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/chat_template.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using talus::io::ChatTemplate;
using talus::io::Json;
using talus::io::RenderOptions;
using talus::io::TemplateError;

namespace {

std::string render(std::string const& source,
                   Json const& variables = Json::object(),
                   RenderOptions const& options = {}) {
  return ChatTemplate::parse(source, "test").render(variables, options);
}

std::string times(std::string const& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    out += text;
  }
  return out;
}

// A template that must be refused, whatever it tries. The limits are lower than by default, so that
// a build with sanitizers is done in seconds.
void check_refused(std::string const& source) {
  RenderOptions options;
  options.max_steps = 500'000;
  options.max_allocated_bytes = std::size_t{256} << 20;
  INFO(source.substr(0, 200));
  CHECK_THROWS_AS(render(source, Json::object(), options), TemplateError);
}

}  // namespace

TEST_CASE("an error names the template, the line and the reason") {
  try {
    render("one\ntwo {{ 1 }}\n{{ raise_exception('no ' ~ 'way') }}\n");
    FAIL("no error");
  } catch (TemplateError const& error) {
    CHECK(error.line() == 3);
    CHECK(error.reason() == "no way");
    CHECK_THAT(error.what(), ContainsSubstring("test, line 3: no way"));
  }
}

TEST_CASE("a syntax error has the line of the mistake") {
  auto const line_of = [](std::string const& source) {
    try {
      static_cast<void>(ChatTemplate::parse(source, "test"));
    } catch (TemplateError const& error) {
      return error.line();
    }
    return 0;
  };

  CHECK(line_of("{{ 1 }}\n\n{{ 2 + }}") == 3);
  CHECK(line_of("{% if a %}\n{% endfor %}") == 2);
  CHECK(line_of("a\n{% for x in y %}\nb\n") == 3);
  CHECK(line_of("a\n{{ 'open }}") == 2);
  CHECK(line_of("a\nb\n{# open") == 3);
  CHECK(line_of("{% include 'file' %}") == 1);
}

TEST_CASE("an error in a macro's call has the line of the expression that fails") {
  try {
    render("{% macro f() %}\n\n{{ 1 }}{% endmacro %}\n\n{{ f() + 1 }}");
    FAIL("no error");
  } catch (TemplateError const& error) {
    CHECK(error.line() == 5);
  }
}

TEST_CASE("a template that is not UTF-8, or an input, is refused") {
  CHECK_THROWS_AS(ChatTemplate::parse("a\xff", "test"), TemplateError);
  CHECK_THROWS_AS(render("{{ x }}", Json{{"x", "a\xff"}}), TemplateError);
  CHECK_THROWS_AS(render("{{ x }}", Json::array()), TemplateError);
}

TEST_CASE("integers beyond 64 bits are errors and not other numbers") {
  CHECK(render("{{ 9223372036854775807 }}") == "9223372036854775807");
  for (std::string const source : {"{{ 9223372036854775808 }}",
                                   "{{ 9223372036854775807 + 1 }}",
                                   "{{ 2 ** 63 }}",
                                   "{{ -9223372036854775807 - 2 }}",
                                   "{{ 4611686018427387904 * 2 }}",
                                   "{{ (-9223372036854775807 - 1) // -1 }}",
                                   "{{ (-9223372036854775807 - 1)|abs }}",
                                   "{{ '9223372036854775808'|int }}",
                                   "{{ 1e30|int }}"}) {
    CHECK_THROWS_AS(render(source), TemplateError);
  }
  CHECK(render("{{ (-9223372036854775807 - 1) % -1 }}") == "0");
}

TEST_CASE("deep nesting is refused when a template is parsed") {
  constexpr int levels = 20'000;
  for (std::string const& source :
       {"{{ " + times("(", levels) + "1" + times(")", levels) + " }}",
        "{{ " + times("[", levels) + times("]", levels) + " }}",
        "{{ " + times("not ", levels) + "1 }}",
        "{{ " + times("- ", levels) + "1 }}",
        "{{ 1" + times(" + 1", levels) + " }}",
        "{{ a" + times(".b", levels) + " }}",
        "{{ a" + times("|trim", levels) + " }}",
        "{{ a" + times("()", levels) + " }}",
        "{{ 1" + times(" if 1 else 1", levels) + " }}",
        "{{ 1" + times(" if 1", levels) + " }}",
        times("{% if 1 %}", levels) + times("{% endif %}", levels),
        times("{% for x in y %}", levels),
        times("{% macro f() %}", levels),
        "{% set " + times("(", levels) + "a" + times(")", levels) + " = 1 %}",
        "{{ " + times("{1:", levels) + "1" + times("}", levels) + " }}",
        "{{ " + times("a[", levels) + "1" + times("]", levels) + " }}"}) {
    check_refused(source);
  }
}

TEST_CASE("many branches and many joined texts are not deep") {
  CHECK(render("{% if 0 %}" + times("{% elif 0 %}", 5000) + "{% else %}x{% endif %}") == "x");
  CHECK(render("{{ 'a'" + times(" ~ 'a'", 5000) + " }}") == times("a", 5001));
}

TEST_CASE("endless work is refused") {
  std::string const range = "range(100000)";
  check_refused("{% for a in " + range + " %}{% for b in " + range + " %}{% endfor %}{% endfor %}");
  check_refused("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}");
  check_refused("{% macro f(n) %}{{ f(n + 1) ~ f(n + 1) }}{% endmacro %}{{ f(0) }}");
  check_refused("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}");
  check_refused("{% macro f() %}{% call f() %}{% endcall %}{{ caller }}{% endmacro %}{{ f() }}");
  check_refused("{{ range(100001) }}");
  check_refused("{{ range(-9223372036854775807, 9223372036854775807) }}");
}

TEST_CASE("work is counted by what it costs, so that a limit ends it soon") {
  RenderOptions options;  // a fifth of what is allowed by default, which is about a second's work
  options.max_steps /= 5;
  options.max_allocated_bytes /= 5;
  std::string const often = "{% for i in range(100000) %}";
  std::string const text = "{% set s = 'aé' * 4000000 %}";
  std::string const many = "{% set l = range(100000)|list %}";
  for (std::string const& source :
       {often + often + "{% endfor %}{% endfor %}",
        text + often + "{% set t = s|upper %}{% endfor %}",
        text + often + "{% set t = s.find(s[1:]) %}{% endfor %}",
        text + often + "{% for c in s %}{% break %}{% endfor %}{% endfor %}",
        text + often + "{% set t = s.split('a') %}{% endfor %}",
        many + often + "{% set t = l|sort %}{% endfor %}",
        many + often + "{% set t = l|unique|list %}{% endfor %}",
        many + often + "{% set t = l|groupby('x') %}{% endfor %}",
        "{% set d = {'a': 'x' * 1000000} %}" + often + "{% set t = d|xmlattr %}{% endfor %}"}) {
    INFO(source);
    auto const start = std::chrono::steady_clock::now();
    CHECK_THROWS_AS(render(source, Json::object(), options), TemplateError);
    std::chrono::duration<double> const elapsed = std::chrono::steady_clock::now() - start;
    CHECK(elapsed.count() < 20);  // sanitizers and a busy machine take their time
  }
}

TEST_CASE("many names cost no more than few") {
  std::string source;
  for (int i = 0; i < 20'000; ++i) {
    source += talus::concat("{% set a", i, " = ", i, " %}{{ a", i, " }}");
  }
  auto const start = std::chrono::steady_clock::now();
  CHECK(render(source).size() == 88'890);
  std::chrono::duration<double> const elapsed = std::chrono::steady_clock::now() - start;
  CHECK(elapsed.count() < 20);
}

TEST_CASE("a template has a size, and so have the pieces of a text") {
  CHECK_THROWS_AS(ChatTemplate::parse(times("x", 1 << 20) + "x", "test"), TemplateError);
  CHECK(render(times("x", 1 << 20)).size() == 1 << 20);
  check_refused("{{ ('a' * 2000000).split('a') }}");
  check_refused("{{ ('\n' * 2000000).splitlines() }}");
  check_refused("{% for c in 'a' * 2000000 %}{% endfor %}");
}

TEST_CASE("values that grow without end are refused") {
  std::string const often = "{% for i in range(100) %}";
  check_refused("{{ 'x' * 1000000000000 }}");
  check_refused("{{ [0] * 1000000000000 }}");
  check_refused("{{ ('x' * 60000000) ~ ('x' * 60000000) }}");
  check_refused("{% set ns = namespace(x='x') %}" + often +
                "{% set ns.x = ns.x + ns.x %}{% endfor %}");
  check_refused("{% set ns = namespace(x=[1]) %}" + often +
                "{% set ns.x = [ns.x, ns.x] %}{% endfor %}");
  check_refused("{% set ns = namespace(x={}) %}" + often +
                "{% set ns.x = {1: ns.x, 2: ns.x} %}{% endfor %}");
  check_refused("{{ 'x'.center(1000000000000) }}");
  check_refused("{{ 'x'.ljust(1000000000000) }}");
  check_refused("{{ 'x'.zfill(1000000000000) }}");
  check_refused("{{ '%1000000000000d' % 1 }}");
  check_refused("{{ '%.1000000000d' % 1 }}");
  check_refused("{{ '{:1000000000000}'.format(1) }}");
  check_refused("{{ '{:.1000000000f}'.format(1.5) }}");
  check_refused("{{ ('x' * 100000)|replace('', 'x' * 100000) }}");
  check_refused("{{ ('x' * 100000).replace('x', 'x' * 100000) }}");
  check_refused("{{ ('x' * 100000)|join('x' * 100000) }}");
  check_refused("{{ [1]|batch(1000000000000, 'x') }}");
  check_refused("{{ [1]|slice(1000000000000, 'x')|list }}");
  check_refused("{{ ('\n' * 1000000)|indent(1000000, blank=true) }}");
  check_refused("{{ ('\t' * 1000000).expandtabs(1000000) }}");
}

TEST_CASE("a template that writes without end is refused") {
  check_refused("{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}");
  check_refused(
      "{% macro f() %}{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}"
      "{% endmacro %}{% set x = f() %}");
}

TEST_CASE("the limits are the options'") {
  RenderOptions options;
  options.max_output_bytes = 10;
  CHECK(render("{{ 'x' * 10 }}", Json::object(), options) == times("x", 10));
  CHECK_THROWS_AS(render("{{ 'x' * 11 }}", Json::object(), options), TemplateError);

  options = {};
  options.max_steps = 100;
  CHECK_THROWS_AS(render("{% for i in range(100) %}x{% endfor %}", Json::object(), options),
                  TemplateError);

  options = {};
  options.max_allocated_bytes = 10'000;
  CHECK_THROWS_AS(render("{% set x = 'x' * 20000 %}", Json::object(), options), TemplateError);
}

TEST_CASE("searching for a text that is nearly there stays fast") {
  std::string const text = "{% set a = 'a' * 2000000 %}{% set b = 'a' * 1000000 ~ 'b' %}";
  auto const start = std::chrono::steady_clock::now();

  CHECK(render(text + "{{ a.find(b) }}{{ a.rfind('b' ~ a[1:]) }}{{ a.count(b) }}{{ b in a }}"
                      "{{ a.split(b)|length }}{{ a.replace(b, '')|length }}") ==
        "-1-10False12000000");

  std::chrono::duration<double> const elapsed = std::chrono::steady_clock::now() - start;
  CHECK(elapsed.count() < 20);
}

TEST_CASE("values that contain each other are let go") {
  CHECK(render("{% set ns = namespace() %}{% set ns.a = [ns] %}{% set ns.b = {'x': ns} %}"
               "{{ ns.a[0].b.x.a|length }}") == "1");
  CHECK_THAT(render("{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns }}"),
             ContainsSubstring("Namespace"));
  CHECK(render("{% macro f() %}{{ f is defined }}{% endmacro %}{% set g = f %}{{ g() }}") ==
        "True");
  CHECK(render("{% set ns = namespace() %}{% for i in range(1000) %}{% set ns.l = loop %}"
               "{% set x = loop.changed([loop]) %}{% endfor %}{{ ns.l.index }}") == "1000");
}

TEST_CASE("long chains of values that hold each other are let go without recursion") {
  std::string const often = "{% for i in range(50000) %}";
  CHECK(render("{% set ns = namespace(last=none) %}" + often +
               "{% set ns.last = namespace(last=ns.last) %}{% endfor %}done") == "done");
  CHECK(render("{% set ns = namespace(last=none) %}{% macro f() %}{% set ns.last = caller %}"
               "{% endmacro %}" +
               often + "{% set last = ns.last %}{% call f() %}{% endcall %}{% endfor %}done") ==
        "done");
  CHECK(render("{% set ns = namespace(last=none) %}" + often +
               "{% set last = ns.last %}{% for j in [1] %}{% set ns.last = loop %}{% endfor %}"
               "{% endfor %}done") == "done");
  check_refused("{% set ns = namespace(last='') %}" + often +
                "{% set ns.last = [ns.last] %}{% endfor %}");
  check_refused("{% set ns = namespace(last='') %}" + often +
                "{% set ns.last = cycler(ns.last) %}{% endfor %}");
  check_refused("{% set ns = namespace(last=[]) %}" + often +
                "{% set ns.last = [ns.last.count] %}{% endfor %}");
}

TEST_CASE("a template can't change its input, or reach Python's insides") {
  for (std::string const source : {"{{ [1].append(2) }}",
                                   "{{ {}.update({}) }}",
                                   "{{ {}.pop('a') }}",
                                   "{{ [2].sort() }}",
                                   "{{ ''.__class__.__mro__ }}",
                                   "{{ namespace(_a=1) }}",
                                   "{{ [].__init__() }}"}) {
    CHECK_THROWS_AS(render(source), TemplateError);
  }
}

TEST_CASE("one parsed template renders in many threads") {
  auto const chat = ChatTemplate::parse(
      "{% macro f(x) %}{{ x ~ '!' }}{% endmacro %}{% for m in messages %}{{ f(m.content) }}"
      "{% endfor %}{{ messages|tojson }}",
      "test");
  Json const variables{{"messages", Json::array({Json{{"content", "hello"}}})}};
  std::vector<std::string> rendered(4);
  std::vector<std::thread> threads;
  for (std::string& text : rendered) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        text = chat.render(variables);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  for (std::string const& text : rendered) {
    CHECK(text == "hello![{\"content\": \"hello\"}]");
  }
}
