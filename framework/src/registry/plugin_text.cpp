#include "registry/plugin_text.hpp"

#include <algorithm>
#include <utility>

#include "registry/toml_file.hpp"

namespace callerapi::registry {
namespace {

Error refuse(const std::string& where, const std::string& what) {
  return {.outcome = Outcome::registry_invalid, .reason = "edit", .message = where + ": " + what};
}

/// The byte of a place; columns count code points.
std::size_t offset(std::string_view file, Node::Place place) {
  std::size_t at = 0;
  for (unsigned line = 1; line < place.line && at < file.size(); ++line)
    at = std::min(file.find('\n', at), file.size() - 1) + 1;
  for (unsigned column = 1; column < place.column && at < file.size(); ++column) {
    ++at;
    while (at < file.size() && (static_cast<unsigned char>(file[at]) & 0xc0) == 0x80) ++at;
  }
  return at;
}

struct Span {
  std::size_t begin = 0, end = 0;
};

/// `plugin = "x"  # why`, and where its parts lie.
struct Entry {
  std::size_t line = 0;  ///< Where its line begins.
  Span key, value;
  std::size_t next_line = 0;  ///< Behind the end of the value's line.

  Entry(std::string_view file, const Node& node) {
    key.begin = offset(file, node.key_at);
    value = {offset(file, node.at), offset(file, node.end)};
    const auto before = key.begin == 0 ? file.npos : file.rfind('\n', key.begin - 1);
    line = before == file.npos ? 0 : before + 1;
    const auto after = file.find('\n', value.end);
    next_line = after == file.npos ? file.size() : after + 1;
  }
  /// In `{ plugin = "x", ... }`, which has no lines of its own.
  bool inlined(std::string_view file) const {
    return file.substr(line, key.begin - line).find('{') != std::string_view::npos;
  }
};

std::string_view part(std::string_view file, Span span) {
  return file.substr(span.begin, span.end - span.begin);
}

/// The text that puts sha256 beside plugin, and where it goes.
std::pair<std::size_t, std::string> addition(std::string_view file, const Entry& plugin,
                                             const std::string& sum) {
  if (plugin.inlined(file)) return {plugin.value.end, ", sha256 = " + sum};
  // Both keys have six letters: what stands around the one fits the other.
  constexpr std::string_view name = "plugin";
  const auto written = file.find(name, plugin.key.begin);
  std::string before(file.substr(plugin.line, plugin.value.begin - plugin.line));
  if (written < plugin.value.begin) before.replace(written - plugin.line, name.size(), "sha256");
  const bool ended = plugin.next_line > 0 && file[plugin.next_line - 1] == '\n';
  const bool crlf = ended && plugin.next_line > 1 && file[plugin.next_line - 2] == '\r';
  const std::string end = crlf ? "\r\n" : "\n";
  return {plugin.next_line, (ended ? "" : end) + before + sum + (ended ? end : "")};
}

/// What goes when sha256 goes: its line, or its place between commas.
Span removal(std::string_view file, const Entry& sum) {
  const bool unended = sum.line > 0 && !file.empty() && file.back() != '\n' &&
                       sum.next_line == file.size();  // a last line that brought its own line end
  if (!sum.inlined(file)) return {sum.line - (unended ? 1 : 0), sum.next_line};
  const auto not_blank = file.find_last_not_of(" \t", sum.key.begin - 1);
  if (not_blank != file.npos && file[not_blank] == ',') return {not_blank, sum.value.end};
  const auto comma = file.find_first_not_of(" \t", sum.value.end);
  const bool first = comma != file.npos && file[comma] == ',';
  return {sum.key.begin, first ? file.find_first_not_of(" \t", comma + 1) : sum.value.end};
}

/// The same document, wherever its parts stand?
bool same(const Node& a, const Node& b) {
  return a.key == b.key && a.kind == b.kind && a.text == b.text &&
         std::ranges::equal(a.members, b.members, same);
}

void set(Node& service, const std::string& key, const std::optional<std::string>& raw) {
  std::erase_if(service.members, [&](const Node& member) { return member.key == key; });
  if (!raw) return;
  auto parsed = parse_toml(key + " = " + *raw, "");
  if (parsed) service.members.push_back(parsed->members.front());
  std::ranges::sort(service.members, {}, &Node::key);
}

Node* find(Node& table, const std::string& key) {
  const auto found = std::ranges::find(table.members, key, &Node::key);
  return found == table.members.end() ? nullptr : &*found;
}

struct Found {
  Node root;
  Node* service;
  std::string where;
};

Result<Found> find_service(std::string_view file, const std::string& shown_name,
                           const std::string& name) {
  auto root = parse_toml(file, shown_name);
  if (!root) return std::move(root).error();
  Found found{std::move(*root), nullptr, shown_name + ": services." + name};
  Node* services = find(found.root, "services");
  if (services != nullptr) found.service = find(*services, name);
  if (found.service == nullptr) return refuse(found.where, "is not in this file");
  found.where = shown_name + ":" + std::to_string(found.service->at.line) + ":" +
                std::to_string(found.service->at.column) + ": services." + name;
  if (found.service->find("plugin") == nullptr && found.service->find("contract") != nullptr)
    return refuse(found.where, "has the program's own contract and no plugin; write plugin = \"" +
                                   name + "\" in place of contract");
  if (found.service->find("plugin") == nullptr)
    return refuse(found.where, "has no plugin in this file; add plugin = \"" + name + "\"");
  return found;
}

}  // namespace

Result<PluginText> plugin_text(std::string_view file, const std::string& shown_name,
                               const std::string& service) {
  auto found = find_service(file, shown_name, service);
  if (!found) return std::move(found).error();
  PluginText out{std::string(part(file, Entry(file, *found->service->find("plugin")).value)), {}};
  if (const Node* sum = found->service->find("sha256"))
    out.sha256 = std::string(part(file, Entry(file, *sum).value));
  return out;
}

Result<std::string> with_plugin_text(std::string_view file, const std::string& shown_name,
                                     const std::string& service, const PluginText& to) {
  auto found = find_service(file, shown_name, service);
  if (!found) return std::move(found).error();
  const Entry plugin(file, *found->service->find("plugin"));
  struct Edit {
    Span span;
    std::string text;
  };
  std::vector<Edit> edits{{plugin.value, to.plugin}};
  if (const Node* node = found->service->find("sha256")) {
    const Entry sum(file, *node);
    edits.push_back(to.sha256 ? Edit{sum.value, *to.sha256} : Edit{removal(file, sum), ""});
  } else if (to.sha256) {
    auto [at, text] = addition(file, plugin, *to.sha256);
    edits.push_back({{at, at}, std::move(text)});
  }
  std::ranges::sort(edits, std::greater<>(), [](const Edit& e) { return e.span.begin; });
  std::string out(file);
  for (const Edit& edit : edits)
    out.replace(edit.span.begin, edit.span.end - edit.span.begin, edit.text);

  set(*found->service, "plugin", to.plugin);
  set(*found->service, "sha256", to.sha256);
  const auto again = parse_toml(out, shown_name);
  if (!again || !same(*again, found->root))
    return refuse(found->where, "cannot be edited where it stands; write plugin = " + to.plugin +
                                    (to.sha256 ? ", sha256 = " + *to.sha256 : "") + " there");
  return out;
}

}  // namespace callerapi::registry
