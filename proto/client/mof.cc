#include "proto/client/mof.h"

#include <algorithm>
#include <optional>

#include "proto/base/text.h"

namespace smslab::client {
namespace {
bool word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '+' || c == '-';
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<std::vector<v1::PolicyInstance>> all() {
    std::vector<v1::PolicyInstance> instances;
    for (skip_blanks(); at_ < text_.size(); skip_blanks()) {
      ASSIGN_OR_RETURN(instances.emplace_back(), instance());
    }
    return instances;
  }

 private:
  Status wrong(std::string_view expected) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    return invalid_argument("MOF line " + std::to_string(line) + ": expected " + std::string(expected));
  }

  void skip_blanks() {
    while (at_ < text_.size()) {
      const std::string_view rest = text_.substr(at_);
      if (rest.starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (rest.starts_with("/*")) {
        const size_t end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else if (trim(rest.substr(0, 1)).empty()) {
        at_++;
      } else {
        return;
      }
    }
  }

  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    at_++;
    return true;
  }
  std::string_view word() {
    skip_blanks();
    const size_t begin = at_;
    while (at_ < text_.size() && word_char(text_[at_])) at_++;
    return text_.substr(begin, at_ - begin);
  }

  Result<v1::PolicyInstance> instance() {
    if (!iequals(word(), "instance") || !iequals(word(), "of")) return wrong("'instance of'");
    v1::PolicyInstance instance;
    instance.set_class_name(std::string(word()));
    if (instance.class_name().empty()) return wrong("a class name");
    if (!take('{')) return wrong("'{'");
    while (!take('}')) RETURN_IF_ERROR(property(instance.add_properties()));
    if (!take(';')) return wrong("';'");
    return instance;
  }

  Status property(v1::PolicyProperty* property) {
    property->set_name(std::string(word()));
    if (property->name().empty()) return wrong("a property name");
    if (!take('=')) return wrong("'='");
    if (!take('{')) {
      RETURN_IF_ERROR(value(property));
    } else if (!take('}')) {
      do RETURN_IF_ERROR(value(property));
      while (take(','));
      if (!take('}')) return wrong("',' or '}'");
    }
    return take(';') ? ok_status() : wrong("';'");
  }

  Status value(v1::PolicyProperty* property) {
    if (take('"')) {
      std::string joined;
      do RETURN_IF_ERROR(rest_of_string(&joined));
      while (take('"'));
      property->add_values()->set_text(std::move(joined));
      return ok_status();
    }
    const std::string_view text = word();
    if (text.empty()) return wrong("a value");
    if (iequals(text, "NULL")) return ok_status();
    const bool boolean = iequals(text, "TRUE") || iequals(text, "FALSE");
    property->add_values()->set_text(boolean ? ascii_lower(text) : std::string(text));
    return ok_status();
  }

  Status rest_of_string(std::string* out) {
    for (; at_ < text_.size(); at_++) {
      char c = text_[at_];
      if (c == '"') {
        at_++;
        return ok_status();
      }
      if (c == '\\') {
        if (++at_ == text_.size()) break;
        c = text_[at_];
        c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
      }
      *out += c;
    }
    return wrong("the end of a string");
  }

  const std::string_view text_;
  size_t at_ = 0;
};
}  // namespace

Result<std::vector<v1::PolicyInstance>> read_mof(std::string_view text) { return Reader(text).all(); }

}  // namespace smslab::client
