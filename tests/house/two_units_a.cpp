#include "everything.hpp"

const void* address_in_unit_b();

int main() {
    // One library, one category object: an inline definition that differed between units would show here.
    return &agentmesh::error_category() == address_in_unit_b() ? 0 : 1;
}
