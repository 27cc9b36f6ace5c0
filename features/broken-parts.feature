Feature: Broken parts
  What was promised to a customer is kept, whichever part of the shop dies meanwhile.

  @critical @chaos
  Scenario: An order that was acknowledged outlives its service
    Given I send the header "idempotency-key" "{{ uuid() }}"
    When I POST "/v1/orders" with:
      """
      { "sku": "SKU-010", "quantity": 1 }
      """
    Then the status is 201
    And I keep "$.id" as "order"
    When the service "orders" is killed
    And the service "orders" is healed
    And I GET "/v1/orders/{{ order }}"
    Then within 10s "$.status" is "CONFIRMED"

  @critical @chaos
  Scenario: An order placed while the broker is dead is told when it is back
    Given the service "broker" is killed
    And I send the header "idempotency-key" "{{ uuid() }}"
    When I POST "/v1/orders" with:
      """
      { "sku": "SKU-011", "quantity": 1 }
      """
    Then the status is 201
    And I keep "$.id" as "order"
    When I GET "/v1/orders/{{ order }}"
    Then within 5s "$.status" is "CONFIRMED"
    When the service "broker" is healed
    And I GET "/v1/notifications?order={{ order }}"
    Then within 10s it holds that: count($.items) == 1

  @critical @chaos
  Scenario: An order placed while the stock can't be reached is confirmed when it can
    Given the link "inventory" is down
    And I send the header "idempotency-key" "{{ uuid() }}"
    When I POST "/v1/orders" with:
      """
      { "sku": "SKU-012", "quantity": 1 }
      """
    Then it holds that: status in [201, 503]
    When the link "inventory" is healed
    And I run the journey "checkout"
