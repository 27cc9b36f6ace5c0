Feature: Checkout
  What a customer relies on, whatever happens behind the shop.

  @critical @smoke
  Scenario: An order is confirmed
    Given I send the header "idempotency-key" "{{ uuid() }}"
    When I POST "/v1/orders" with:
      """
      { "sku": "SKU-003", "quantity": 1 }
      """
    Then the status is 201
    And "$.status" is "PENDING"
    And I keep "$.id" as "order"
    When I GET "/v1/orders/{{ order }}"
    Then within 5s "$.status" is "CONFIRMED"

  @critical
  Scenario: A declined payment is told
    Given I send the header "idempotency-key" "{{ uuid() }}"
    # The payment service of the demo declines every order of thirteen.
    When I POST "/v1/orders" with:
      """
      { "sku": "SKU-001", "quantity": 13 }
      """
    Then the status is 201
    And I keep "$.id" as "order"
    When I GET "/v1/orders/{{ order }}"
    Then within 5s "$.status" is "CANCELLED"

  @chaos
  Scenario: A slow payment provider delays nothing but the confirmation
    Given the link "payments" has 800ms latency
    When I run the journey "checkout"
    And the link "payments" is healed

  @smoke
  Scenario Outline: A request without sense is refused and explained
    When I POST "/v1/orders" with:
      """
      { "sku": "<sku>", "quantity": <quantity> }
      """
    Then the status is <status>
    And it holds that: header.content-type contains 'problem+json'

    Examples:
      | sku     | quantity | status |
      | SKU-001 | 0        | 400    |
      | NOTHING | 1        | 422    |
